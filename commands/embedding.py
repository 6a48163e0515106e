"""Recordings to a file of embeddings."""

import argparse

from commands.arguments import check_named, check_writable, network_of, workers
from commands.results import print_json
from inference.bulk_embedding import embed_files
from inference.embeddings_file import check_output, write_embeddings
from inference.recording_files import find_files
from storage.counting import counted


def embed(args: argparse.Namespace) -> None:
    """Embed files and folders."""
    check_output(args.output)
    check_writable(args.output)
    check_named(args.embed)
    files, named = find_files(args.embed)
    embeddings, used = embed_files(network_of(args), files, named, workers(args, by_default_all=True), args.channel)
    write_embeddings(args.output, embeddings, used)
    skipped = len(files) - len(used)
    if args.json:
        about = {"output": str(args.output), "files": len(used), "skipped": skipped, "size": embeddings.shape[1]}
        print_json(about)
    else:
        written = f"{counted(len(used), 'embedding')} of {embeddings.shape[1]} values"
        print(f"{args.output}: {written}; {counted(skipped, 'file')} skipped")
