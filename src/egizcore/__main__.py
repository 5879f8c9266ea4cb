"""``python -m egizcore`` is the command ``egizcore``."""

from egizcore.cli import main

if __name__ == "__main__":
    main()
