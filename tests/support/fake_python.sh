#!/bin/sh
# A Python 3.11 that only pretends: answers the bootstrap's questions, makes an empty venv, and "installs" as the test says.
# FAKE_ROOM holds: version (what it claims to be), pip_says (text and failure of an install), gate (a fifo an install waits on), calls (a log).
case "$*" in
  *"-S -c"*) cat "$FAKE_ROOM/version"; echo "$0" ;;
  *"-m venv"*)
    for venv; do :; done
    echo venv >>"$FAKE_ROOM/calls"
    [ ! -e "$FAKE_ROOM/no_venv" ] || { echo "Error: No module named ensurepip"; exit 1; }
    mkdir -p "$venv/bin" "$venv/lib/python3.11/site-packages"
    cp "$0" "$venv/bin/python"
    echo "version = $(cat "$FAKE_ROOM/version")" >"$venv/pyvenv.cfg"
    ;;
  *"-m pip"*)
    echo "pip $*" >>"$FAKE_ROOM/calls"
    echo "Collecting typer==1"
    [ ! -p "$FAKE_ROOM/gate" ] || read -r _ <"$FAKE_ROOM/gate"
    [ ! -e "$FAKE_ROOM/pip_says" ] || { cat "$FAKE_ROOM/pip_says"; exit 1; }
    ;;
  *) echo "ran $*" ;;
esac
