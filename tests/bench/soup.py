"""Average the weights of filters that were trained one from the other (Wortsman 2022, Model soups).

    python tests/bench/soup.py OUT.safetensors FILE.safetensors=WEIGHT FILE.safetensors=WEIGHT ...

Along one line of training, what an average undoes best lies between what its parts do. Weights are
divided by their sum. The description is that of the first file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from photostyle.registry.load import load_networks
from photostyle.registry.trained import read_trained
from photostyle.training.result import Description, write_result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", nargs="+", metavar="FILE=WEIGHT")
    args = parser.parse_args()
    pairs = [part.rpartition("=") for part in args.parts]
    entries = [read_trained(Path(file)) for file, _, _ in pairs]
    shares = [float(weight) for _, _, weight in pairs]
    states = [load_networks(entry)[-1].state_dict() for entry in entries]
    total = sum(shares)
    mixed = {
        name: sum(
            share / total * state[name].float() for share, state in zip(shares, states, strict=True)
        ).half()
        for name in states[0]
    }
    first = entries[0]
    description = Description(
        first.name, first.kind, first.architecture, dict(first.params), first.license,
        first.trained_on, first.recipe,
    )  # fmt: skip
    write_result(args.out, [mixed], description)


if __name__ == "__main__":
    main()
