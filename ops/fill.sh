#!/bin/sh
# Fills ${NAME}s of a template from the environment: fill.sh TEMPLATE NAME... . Only the names that
# are given are filled, and each must be set. What rig does in Rust, for where there is no rig.
set -eu
template=$1
shift
exec awk -v names="$*" '
  BEGIN {
    count = split(names, name, " ")
    for (i = 1; i <= count; i++)
      if (!(name[i] in ENVIRON)) {
        print "fill.sh: " name[i] " is not set" >"/dev/stderr"
        failed = 1
        exit 1
      }
  }
  {
    line = $0
    for (i = 1; i <= count; i++) line = filled(line, "${" name[i] "}", ENVIRON[name[i]])
    print line
  }
  # Values are taken as they are: in sub() an ampersand would be special.
  function filled(line, mark, value, done, at) {
    done = ""
    while (at = index(line, mark)) {
      done = done substr(line, 1, at - 1) value
      line = substr(line, at + length(mark))
    }
    return done line
  }' "$template"
