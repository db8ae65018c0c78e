"""Trains a model as `tfmmrec train` does; a script to copy and modify.

python trainers/train.py DATA --config trainers/configs/weighted.yaml --out RUN
"""

import sys

from tfmmrec.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
