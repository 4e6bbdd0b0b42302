#!/bin/sh
# Makes the network of the learned segmentation in runs/segmentation: objects on belts, training. After a stop it goes on.
# HEAPS says how many random objects (12), STEPS and BATCH how long it trains (4000 of 6), DEVICE where (cpu). MODELS
# names a folder of LDraw models (.mpd) to learn from besides, LDRAWDIR LDraw's parts library.
set -eu
cd "$(dirname "$0")/.."
out=runs/segmentation
synth() {
  .venv/bin/pad synth "$@" --resolution 400 --samples 4 --train 1 --vary all \
    --no-background-free --jobs 2
}

set --
for seed in $(seq 100 $((99 + ${HEAPS:-12}))); do
  synth "$out/heap_$seed" --heaps "$seed" 1 --objects 10 --views 4 --defect-area 0.0003 0.02
  set -- "$@" "$out/heap_$seed"
done
for model in "${MODELS:-none}"/*.mpd; do
  [ -f "$model" ] || continue
  name=$(basename "$model" .mpd)
  synth "$out/$name" --model "$model" --objects 20 --views 2 --defect-area 0.0004 0.01
  set -- "$@" "$out/$name"
done
.venv/bin/python -m pad_ros.learning part "$@" --work "$out" -o "$out/part.onnx" \
  --steps "${STEPS:-4000}" --batch "${BATCH:-6}" --device "${DEVICE:-cpu}"
