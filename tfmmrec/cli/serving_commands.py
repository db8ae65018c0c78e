"""The commands that recommend, search, export and serve."""

import sys
from pathlib import Path
from typing import Any

from tfmmrec.cli.command import Command, add_out, add_positional
from tfmmrec.cli.parser import Parser
from tfmmrec.errors import ConfigError
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_file import read_run
from tfmmrec.serving.version_folder import newest_version


def _declare_recommend(parser: Parser) -> None:
    add_positional(parser, "run", "a run folder")
    parser.add_argument(
        "--users",
        type=str | None,
        help="all (default), a file with one id per line, an id, or ID,ID; one with a comma: "
        '"A, B",ID',
    )
    parser.add_argument("--k", type=int | None, help="items per user (default 10)")
    parser.add_argument("--out", type=Path | None, help="the file recs.jsonl (default: print)")
    parser.add_argument(
        "--split", type=str | None, help="recommend as of the moment before valid or test"
    )
    parser.add_argument("--candidates", type=Path | None, help="a file with one item id per line")
    parser.add_argument(
        "--history", type=str | None, help="ITEM,ITEM: of a user who is not in the data"
    )
    parser.add_argument(
        "--user",
        type=str,
        action="append",
        default=[],
        metavar="FEATURE=VALUE",
        help="a feature of a user who is not in the data; may be repeated",
    )
    parser.add_argument("--exclude", type=str, default="", help="ITEM,ITEM: items to leave out")
    parser.add_argument(
        "--where",
        type=str,
        action="append",
        default=[],
        metavar="FEATURE=VALUE",
        help="only items with this category, or number (=, !=, <, <=, >, >=); may be repeated",
    )


def _recommend(options: Any) -> None:
    read_run(options.run)
    check_output_path("--out", options.out)
    from tfmmrec.reports.recommendations import (
        MAX_USERS,
        print_recommendations,
        recommendation_lines,
    )
    from tfmmrec.serving.batch_recommend import recommend_lines

    names = ("run", "users", "k", "split", "candidates", "history", "exclude", "where", "quiet")
    user = dict(_feature_value(text) for text in options.user)
    lines = recommend_lines(**{name: options[name] for name in names}, user=user)
    if options.out is not None:
        lines.write(options.out)
        print(f"{options.out}: {len(lines)} users")
    elif sys.stdout.isatty():
        print_recommendations(options.run, lines.first(MAX_USERS), num_users=len(lines))
    else:
        for line in recommendation_lines(options.run, lines):
            print(line)


def _feature_value(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(
            "--user: write FEATURE=VALUE, a feature of a user who is not in the data; for a user "
            f"of the data, write --users ID. Received: {text!r}"
        )
    return name.strip(), value


def _declare_search(parser: Parser) -> None:
    from tfmmrec.modalities import search_options

    add_positional(parser, "run", "a run folder")
    for kind, option in search_options().items():
        value = Path | None if option.is_file else str | None
        parser.add_argument(f"--{kind}", type=value, help=option.help)
    parser.add_argument("--item", type=str | None, help="the id of an item, which is left out")
    parser.add_argument("--k", type=int | None, help="number of items (default 10)")


def _search(options: Any) -> None:
    read_run(options.run)
    import json

    from tfmmrec.modalities import search_options
    from tfmmrec.reports.recommendations import print_found
    from tfmmrec.serving.search import search

    names = ("run", "item", "k", *search_options())
    found = search(**{name: options[name] for name in names})
    if sys.stdout.isatty():
        print_found(found)
    else:
        for each in found:
            print(json.dumps(each, ensure_ascii=False))


def _declare_export(parser: Parser) -> None:
    add_positional(parser, "run", "a run folder")
    add_out(parser, "the model's folder, MODELS/NAME; a version is added in it")


def _export(options: Any) -> None:
    read_run(options.run)
    check_output_path("--out", options.out)
    from tfmmrec.serving.export import export

    print(export(options.run, options.out, quiet=options.quiet))


def _declare_serve(parser: Parser) -> None:
    add_positional(parser, "model", "the model's folder, MODELS/NAME")
    parser.add_argument("--port", type=int, default=8501, help="port of the REST server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--cors", type=str | None, help="allowed origin of web pages; * for all")


def _serve(options: Any) -> None:
    newest_version(options.model)
    from tfmmrec.serving.rest_server import serve

    names = ("port", "host", "cors", "quiet", "debug")
    serve(options.model, **{name: options[name] for name in names})


SERVING_COMMANDS = {
    "recommend": Command(
        "write the best items for users",
        _declare_recommend,
        _recommend,
        (
            "recommend run --users u17,u18 --k 5",
            "recommend run --users ids.txt --out recs.jsonl",
            'recommend run --history i42,i7 --user age=30 --where "year>=1990"',
        ),
    ),
    "search": Command(
        "find items by text, image or audio",
        _declare_search,
        _search,
        (
            'search run --text "a red bicycle"',
            'search run --text "title=a red bicycle"',
            "search run --image bicycle.jpg --k 20",
        ),
    ),
    "export": Command(
        "write a SavedModel for TensorFlow Serving",
        _declare_export,
        _export,
        ("export run --out models/films",),
    ),
    "serve": Command(
        "serve a model over REST, for development",
        _declare_serve,
        _serve,
        ("serve models/films --port 8501",),
    ),
}
