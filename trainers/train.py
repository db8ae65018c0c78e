"""Trains a model: the same as `tfmmrec train`, as a script to copy and change.

python trainers/train.py DATA --config trainers/configs/weighted.yaml --out RUN
"""

import sys

from tfmmrec.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
