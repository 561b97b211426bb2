"""`python -m sightline` is the same as the `sightline` command."""

from sightline.cli import main

main()
