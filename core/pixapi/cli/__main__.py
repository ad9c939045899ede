"""`python -m pixapi.cli` is `pixapi`."""

from pixapi.cli import main

main()
