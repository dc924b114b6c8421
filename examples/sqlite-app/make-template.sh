#!/bin/sh
# Makes a template of the notes app: busybox, sqlite3 with the libraries that it needs, and the app itself. It takes them from
# this machine and needs no network.
#
#   make-template.sh FOLDER      the folder must not exist
set -eu
umask 022

root=${1:?"say which folder to make"}
here=$(dirname "$0")
if test -e "$root"; then
  echo "$root is there already; templates in use must not change, so make another one beside it" >&2
  exit 1
fi
for program in busybox sqlite3 ldd; do
  command -v "$program" > /dev/null || { echo "$program is not installed" >&2; exit 1; }
done

# It gets its name when it is whole.
making=$root.making
rm -rf "$making"
for folder in app bin dev etc mnt proc root sys tmp usr var; do
  mkdir -p "$making/$folder"
done
cp -L "$(command -v busybox)" "$making/bin/busybox"
for applet in $(busybox --list); do
  test "$applet" = busybox || ln -s busybox "$making/bin/$applet"
done
for program in busybox sqlite3; do
  binary=$(command -v "$program")
  cp -L "$binary" "$making/bin/$program"
  # `libz.so.1 => /lib/libz.so.1 (0x…)`, and the loader alone: `/lib64/ld-linux.so (0x…)`. Of a static program, nothing.
  { ldd "$binary" 2> /dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$making$(dirname "$library")"
    cp -L "$library" "$making$library"
  done
done
cp -R "$here/app/." "$making/app"
mv "$making" "$root"
