#!/bin/sh
# Makes sample/ anew, from nothing but this repository: renders, trains, records, all in data/sample; sample/ changes only
# when everything is there. After a stop it goes on: finished renders and training stages are kept.
set -eu
cd "$(dirname "$0")/.."
pad=.venv/bin/pad
data=data/sample

"$pad" synth "$data" --class off_road_car --resolution 400 --seed 0
"$pad" train "$data/off_road_car" -o "$data/product"
rm -rf "$data/bag"
# One good part, one with an added part that stands out over the background, one that lacks a part.
"$pad" bag "$data/off_road_car" -o "$data/bag" \
  --part off_road_car_09 --part off_road_car_11 --part off_road_car_08
rm -rf sample/product sample/bag
cp -R "$data/product" "$data/bag" sample/
du -sh sample/product sample/bag
