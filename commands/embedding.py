"""Recordings to a file of embeddings."""

import argparse
import json

from commands.arguments import network_of
from inference.bulk_embedding import embed_files
from inference.embeddings_file import check_output, write_embeddings
from inference.recording_files import find_files
from storage.parallel import worker_count


def embed(args: argparse.Namespace) -> None:
    """Embed files and folders."""
    check_output(args.output)
    files, named = find_files(args.embed)
    workers = worker_count(True, args.num_workers)
    embeddings, used = embed_files(network_of(args), files, named, workers, args.channel)
    write_embeddings(args.output, embeddings, used)
    skipped = len(files) - len(used)
    if args.json:
        about = {"output": str(args.output), "files": len(used), "skipped": skipped, "size": embeddings.shape[1]}
        print(json.dumps(about, indent=2))
    else:
        print(f"{args.output}: {len(used)} embeddings of {embeddings.shape[1]} values; {skipped} files skipped")
