#!/bin/sh
# Makes sample/ anew, from nothing but this repository: renders a class into data/vehicles, trains and records in data/sample;
# sample/ changes only when everything is there. After a stop it goes on: finished renders and training stages are kept.
set -eu
cd "$(dirname "$0")/.."
pad=.venv/bin/pad
class=data/vehicles/off_road_car
work=data/sample

"$pad" synth data/vehicles --class off_road_car --resolution 400 --seed 0
"$pad" train "$class" -o "$work/product"
# As on a line: the threshold from images of good parts before the belt. These are of another seed, and judged nowhere.
"$pad" synth data/line --class off_road_car --resolution 400 --seed 1 --train 4 --objects 3 --views 9 --no-background-free
"$pad" calibrate "$work/product" data/line/off_road_car/test/good --yes
rm -rf "$work/bag"
# One good part, one with an added part that stands out over the background, one that lacks a part.
"$pad" bag "$class" -o "$work/bag" --part off_road_car_09 --part off_road_car_11 --part off_road_car_08
rm -rf sample/product sample/bag
cp -R "$work/product" "$work/bag" sample/
du -sh sample/product sample/bag
