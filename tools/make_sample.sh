#!/bin/sh
# Makes sample/ anew, from nothing but this repository: renders, trains, records. Goes on where it was after a stop.
set -eu
cd "$(dirname "$0")/.."
pad=.venv/bin/pad
data=data/sample

"$pad" synth "$data" --class off_road_car --resolution 400 --seed 0
rm -rf sample/product sample/bag
"$pad" train "$data/off_road_car" -o sample/product
# One good part, one with an added part that stands out over the background, one that lacks a part.
"$pad" bag "$data/off_road_car" -o sample/bag \
  --part off_road_car_09 --part off_road_car_11 --part off_road_car_08
du -sh sample/product sample/bag
