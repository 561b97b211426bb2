"""EG-Net: fixations on photographs."""
