"""Searches the fusion: the same as `tfmmrec tune`, as a script to copy and change.

python trainers/tune.py DATA --config trainers/configs/tune.yaml --out TUNED
"""

import sys

from tfmmrec.cli import main

if __name__ == "__main__":
    sys.exit(main(["tune", *sys.argv[1:]]))
