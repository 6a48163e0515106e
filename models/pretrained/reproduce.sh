#!/bin/sh
# Train the bundled network anew, from recordings to models/pretrained/.
#   reproduce.sh PYTHON FOLDER "SPEECH ..." "HELD_OUT ..." RESEMBLYZER_PYTHON
# Each SPEECH holds a folder for each corpus with a folder for each speaker; the files HELD_OUT name who must not train.
# Resemblyzer, in an environment of its own, is the softmax stage's teacher. Cache and runs are kept in FOLDER:
# interrupted, the same command goes on from there.
set -eu
python=$1 cache=$2/cache teacher=$2/teacher.npz speech=$3 held_out=$4 resemblyzer=$5
inputs=$cache/full_inputs.pkl
kept=models/pretrained
run() {
    echo "+ python $*" >&2
    "$python" "$@"
}
for folder in $speech; do
    run cli.py --update_cache --multi_threading --cache_output_dir "$cache" --audio_dir "$folder"
done
# shellcheck disable=SC2086  # a list of files
run cli.py --generate_training_inputs --multi_threading --cache_output_dir "$cache" --test_speakers_file $held_out
# shellcheck disable=SC2086
run benchmarks/resemblyzer_teacher.py "$cache" "$teacher" --resemblyzer "$resemblyzer" --held_out $held_out
run train_cli.py --loss_on_softmax --normalize_embeddings --teacher "$teacher" --data_filename "$inputs"
run train_cli.py --loss_on_embeddings --normalize_embeddings --data_filename "$inputs"
run cli.py --export_model $kept/network.onnx $kept/checkpoint.npz --cache_output_dir "$cache"
for stage in softmax triplet; do
    for file in options.json history.csv; do
        cp "$cache/runs/$stage/$file" "$kept/$stage.$file"
    done
done
run cli.py --evaluate --json --checkpoint $kept/network.onnx --cache_output_dir "$cache" >$kept/dev_figures.json
run cli.py --evaluate --checkpoint $kept/network.onnx --cache_output_dir "$cache"
