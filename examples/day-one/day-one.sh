#!/bin/sh
# The first day: day-one.sh CLONE-ADDRESS FOLDER REGISTRY NAME. Asks for the password, ends in a shell with GPUs.
set -e
git clone "$1" "$2" && cd "$2"
imgforge login "$3" --username "$4"
imgforge env setup --hooks
