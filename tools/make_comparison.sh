#!/bin/sh
# Makes the network of the learned comparison in runs/comparison: objects, lessons, training. After a stop it goes on.
# HEAPS says how many random objects (20), STEPS and BATCH how long it trains (4000 of 16), DEVICE where (cpu). MODELS names a folder of LDraw models (.mpd)
# to learn from besides, LDRAWDIR LDraw's parts library.
set -eu
cd "$(dirname "$0")/.."
out=runs/comparison
heaps=${HEAPS:-20}
synth() {
  .venv/bin/pad synth "$@" --resolution 400 --samples 4 --train 40 --objects 8 --views 4 --vary all \
    --defect-area 0.0002 0.008 --no-background-free --jobs 2
}

synth "$out/heaps" --heaps 0 "$heaps"
set -- "$out/heaps"
for model in "${MODELS:-none}"/*.mpd; do
  [ -f "$model" ] || continue
  name=$(basename "$model" .mpd)
  synth "$out/$name" --model "$model"
  set -- "$@" "$out/$name"
done
.venv/bin/python -m pad_ros.learning difference "$@" --work "$out" -o "$out/difference.onnx" \
  --steps "${STEPS:-4000}" --batch "${BATCH:-16}" --device "${DEVICE:-cpu}"
