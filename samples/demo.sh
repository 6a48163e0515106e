#!/bin/sh
# The whole pipeline on the synthetic voices: cache, inputs, three stages, unseen speakers.
#   demo.sh PYTHON FOLDER
set -eu
python=$1
cache=$2/cache
run() {
    echo "+ python $*" >&2
    "$python" "$@"
}
inputs=$cache/full_inputs.pkl
run cli.py --regenerate_full_cache --yes --multi_threading --cache_output_dir "$cache" --audio_dir samples/voices
run cli.py --generate_training_inputs --multi_threading --cache_output_dir "$cache"
run train_cli.py --loss_on_softmax --max_steps 200 --data_filename "$inputs"
run train_cli.py --loss_on_embeddings --normalize_embeddings --max_steps 100 --data_filename "$inputs"
run train_cli.py --loss_on_softmax --freeze_embedding_weights --normalize_embeddings --max_steps 100 --data_filename "$inputs"
run cli.py --unseen_speakers p362,p363 --cache_output_dir "$cache"
run cli.py --update_cache --multi_threading --cache_output_dir "$cache" --audio_dir samples/PhilippeRemy/
run cli.py --unseen_speakers PhilippeRemy,PhilippeRemy --cache_output_dir "$cache"
run cli.py --unseen_speakers p362,PhilippeRemy --cache_output_dir "$cache"
run cli.py --evaluate --cache_output_dir "$cache"
