"""`python -m mmm`: the command line, for where the script `mmm` is not on the path."""

from mmm.cli import main

if __name__ == "__main__":
    main()
