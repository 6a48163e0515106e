#!/bin/sh
# Train the bundled network anew, from recordings to models/pretrained/.
#   reproduce.sh PYTHON FOLDER "FIRST ..." "FIRST_HELD_OUT ..." "SPEECH ..." "HELD_OUT ..." RESEMBLYZER_PYTHON
# Each folder of FIRST and SPEECH holds a folder for each corpus with a folder for each speaker; the files HELD_OUT name
# who must not train. Softmax learns from FIRST, with Resemblyzer as a teacher; the
# triplets from all of SPEECH, disturbed copies included. Caches and runs are kept in FOLDER: interrupted, the same
# command goes on from there.
set -eu
python=$1 folder=$2 first_speech=$3 first_held_out=$4 speech=$5 held_out=$6 resemblyzer=$7
first=$folder/first cache=$folder/cache
kept=models/pretrained
run() {
    echo "+ python $*" >&2
    "$python" "$@"
}
filled() { # a cache from folders
    into=$1
    shift
    for from in "$@"; do
        run cli.py --update_cache --multi_threading --cache_output_dir "$into" --audio_dir "$from"
    done
}
# shellcheck disable=SC2086  # lists of files and folders
{
    filled "$first" $first_speech
    run cli.py --generate_training_inputs --multi_threading --disturbed_copies 0 --cache_output_dir "$first" \
        --test_speakers_file $first_held_out
    run benchmarks/resemblyzer_teacher.py "$first" "$folder/teacher.npz" --resemblyzer "$resemblyzer" \
        --held_out $first_held_out
    run train_cli.py --loss_on_softmax --normalize_embeddings --max_epochs 200 --teacher "$folder/teacher.npz" \
        --data_filename "$first/full_inputs.pkl"
    filled "$cache" $speech
    run cli.py --generate_training_inputs --multi_threading --cache_output_dir "$cache" --test_speakers_file $held_out
}
run train_cli.py --loss_on_embeddings --normalize_embeddings --checkpoint "$first/runs/softmax/last.npz" \
    --data_filename "$cache/full_inputs.pkl"
run cli.py --export_model $kept/network.onnx $kept/checkpoint.npz --cache_output_dir "$cache"
for stage in "softmax:$first" "triplet:$cache"; do
    for file in options.json history.csv; do
        cp "${stage#*:}/runs/${stage%%:*}/$file" "$kept/${stage%%:*}.$file"
    done
done
run cli.py --evaluate --json --checkpoint $kept/network.onnx --cache_output_dir "$cache" >$kept/dev_figures.json
run cli.py --evaluate --checkpoint $kept/network.onnx --cache_output_dir "$cache"
