"""Tunes a model as `tfmmrec tune` does; a script to copy and modify.

python trainers/tune.py DATA --config trainers/configs/tune.yaml --out TUNED
"""

import sys

from tfmmrec.cli import main

if __name__ == "__main__":
    sys.exit(main(["tune", *sys.argv[1:]]))
