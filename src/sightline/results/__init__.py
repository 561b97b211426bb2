"""How results are drawn, written and read back."""
