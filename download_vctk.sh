#!/usr/bin/env bash
# Fetches the CSTR VCTK Corpus and unpacks it as $DS_DIR/VCTK-Corpus; see --help. Runs with bash 3.2 (macOS) or later.
set -euo pipefail

# Size and SHA-256 of 0.92: tensorflow/datasets, url_checksums/vctk.txt (SHA-256 also in torchaudio/datasets/vctk.py).
readonly SIZE_092=11747302977 # bytes
readonly SHA256_092=f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c
# Unpacked size as a percentage of the zip. 0.92 is FLAC, which zip cannot shrink; 0.80 is 16-bit WAV, which it can.
# Neither unpacked size is published: both figures are estimates on the safe side.
readonly UNPACKED_PERCENT_092=110 UNPACKED_PERCENT_080=200
readonly ZIP_END=65557                       # bytes, at most: a zip's last record, and the comment in it
readonly ATTEMPTS=5                          # in a row, without a byte gained
readonly RETRY_WAIT=${VCTK_RETRY_WAIT:-5}    # s, between two attempts
readonly CONNECT_TIMEOUT=30 STALL_TIMEOUT=60 # s
readonly BASE_URL=${VCTK_URL:-https://datashare.ed.ac.uk/bitstream/handle}
readonly DS_DIR=${DS_DIR:-$HOME/deep-speaker-data}
readonly CORPUS=$DS_DIR/VCTK-Corpus
readonly STAGING=$DS_DIR/.VCTK-Corpus.unpacking # becomes CORPUS when complete
readonly TITLE="CSTR VCTK Corpus: English Multi-speaker Corpus for CSTR Voice Cloning Toolkit, University of Edinburgh"
DELETE_ARCHIVE=no

usage() {
  cat <<HELP
Usage: ./download_vctk.sh [--version 0.92|0.80] [--delete_archive] [--help]
Fetches the CSTR VCTK Corpus and unpacks it as \$DS_DIR/VCTK-Corpus. Run it again after an interruption: it resumes.
  --version V        0.92 (default; 11.7 GB, FLAC, two microphones, 110 speakers) or 0.80 (WAV, 109 speakers)
  --delete_archive   delete the zip once it is unpacked
  --help             show this text
Environment: DS_DIR (now $DS_DIR), VCTK_URL (a mirror; now $BASE_URL),
VCTK_SIZE and VCTK_SHA256 (what the zip must have, instead of the published figures; empty: not checked).
Exit codes: 0 done; 1 network, disk or archive failed; 2 wrong usage; 130 interrupted.
HELP
}

info() { printf 'download_vctk: %s\n' "$*" >&2; }
die() { info "error: ${*:2}"; exit "$1"; }
interrupted() {
  if [ -t 2 ]; then echo >&2; fi
  info "interrupted; run the same command again and it resumes"
  exit 130
}
have() { command -v "$1" >/dev/null 2>&1; }
size_of() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
sha256_of() { if have sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

parse_arguments() {
  VERSION=0.92
  while [ $# -gt 0 ]; do
    case $1 in
      --version) [ $# -ge 2 ] || die 2 "--version expects 0.92 or 0.80"; VERSION=$2; shift ;;
      --version=*) VERSION=${1#*=} ;;
      --delete_archive) DELETE_ARCHIVE=yes ;;
      --help | -h) usage; exit 0 ;;
      *) die 2 "unknown argument '$1'; see ./download_vctk.sh --help" ;;
    esac
    shift
  done
}

select_version() {
  case $VERSION in
    0.92) URL=$BASE_URL/10283/3443/VCTK-Corpus-0.92.zip SIZE=$SIZE_092 SHA256=$SHA256_092
      UNPACKED_PERCENT=$UNPACKED_PERCENT_092 LICENCE="CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
      CITATION="J. Yamagishi, C. Veaux, K. MacDonald (2019), $TITLE, https://doi.org/10.7488/ds/2645" ;;
    0.80) URL=$BASE_URL/10283/2651/VCTK-Corpus.zip SIZE='' SHA256='' # no published figure found
      UNPACKED_PERCENT=$UNPACKED_PERCENT_080 LICENCE="ODC-By 1.0, https://opendatacommons.org/licenses/by/1-0/"
      CITATION="C. Veaux, J. Yamagishi, K. MacDonald (2017), $TITLE, https://doi.org/10.7488/ds/1994" ;;
    *) die 2 "unknown version '$VERSION'; expected 0.92 or 0.80" ;;
  esac
  SIZE=${VCTK_SIZE-$SIZE} SHA256=${VCTK_SHA256-$SHA256}
  case $SIZE in *[!0-9]*) die 2 "VCTK_SIZE expects a number of bytes, received '$SIZE'" ;; esac
  ARCHIVE=$DS_DIR/VCTK-Corpus-$VERSION.zip PART=$DS_DIR/VCTK-Corpus-$VERSION.zip.part
}

check_target() { # ends the run unless there is nothing, or an empty folder, at CORPUS
  if [ ! -e "$CORPUS" ] && [ ! -L "$CORPUS" ]; then return; fi
  if [ -n "$(find -L "$CORPUS"/wav48* -type f \( -name '*.flac' -o -name '*.wav' \) -print -quit 2>/dev/null)" ]; then
    info "$CORPUS already holds $(cd "$CORPUS" && echo wav48*): nothing to fetch (for another version, move it away)"
    next_command
    exit 0
  fi
  if [ -d "$CORPUS" ] && [ -z "$(ls -A "$CORPUS")" ]; then return; fi
  die 2 "$CORPUS exists but holds no VCTK audio (wav48*/); move it away, or set DS_DIR to another folder"
}

prepare() { # tools, folder and lock
  have curl || die 1 "curl is missing: sudo apt-get install curl"
  have unzip || have python3 || die 1 "unzip is missing: sudo apt-get install unzip"
  if ! mkdir -p "$DS_DIR" 2>/dev/null || [ ! -w "$DS_DIR" ]; then
    die 1 "cannot write to $DS_DIR; set DS_DIR to a folder of yours"
  fi
  if have flock; then # two runs would write into the same .part
    exec 9>"$DS_DIR/.download_vctk.lock"
    flock -n 9 || die 1 "another download_vctk.sh is at work in $DS_DIR; wait for it"
  fi
  trap 'rm -rf "$STAGING"' EXIT
}

explain() { # what curl's exit code $1, with HTTP status $2, means and what to do
  case $1 in
    5 | 6) echo "cannot resolve the host of $URL (DNS); check the connection and run again" ;;
    7) echo "connection refused at $URL; check the connection, or try again later" ;;
    18 | 52 | 56) echo "the transfer was cut after $(size_of "$PART") bytes; run again to resume" ;;
    22) echo "the server answered HTTP $2 for $URL; try again later, or set VCTK_URL to a mirror" ;;
    23) echo "cannot write to $DS_DIR; is the disk full? Free some space and run again to resume" ;;
    28) echo "$URL timed out after $(size_of "$PART") bytes; run again to resume" ;;
    35 | 60) echo "no secure (TLS) connection to $URL; check the clock and the ca-certificates package" ;;
    *) echo "curl failed with exit code $1 for $URL; run again to resume" ;;
  esac
}

check_size() { # compares SIZE with the server's Content-Length, or takes it over
  local headers announced rc=0
  headers=$(curl -sfLI --connect-timeout "$CONNECT_TIMEOUT" --max-time "$STALL_TIMEOUT" "$URL" | tr -d '\r') || rc=$?
  case $rc in 0 | 22) ;; *) die 1 "$(explain "$rc" 000)" ;; esac # 22: HEAD refused, the download itself will tell
  announced=$(awk '/^HTTP\// { ok = $2 == 200; n = "" } # each redirect starts anew
    tolower($1) == "content-length:" && $2 != "0" { n = $2 } END { if (ok) print n }' <<<"$headers")
  [ -z "$announced" ] || [ "${SIZE:-$announced}" = "$announced" ] || die 1 "size mismatch: the server offers" \
    "$announced bytes, expected $SIZE; if the corpus was republished, run with VCTK_SIZE= VCTK_SHA256= set empty"
  SIZE=${SIZE:-$announced}
}

check_disk() { # $1: bytes of the zip already here
  local free need
  [ -n "$SIZE" ] || { info "the size of the zip is unknown: free disk space is not checked"; return 0; }
  need=$((SIZE - $1 + SIZE * UNPACKED_PERCENT / 100))
  free=$(($(df -Pk "$DS_DIR" | awk 'NR == 2 { print $4 }') * 1024))
  [ "$free" -ge "$need" ] || die 1 "disk: $DS_DIR has $((free / 1000000)) MB free, $((need / 1000000 + 1)) MB are" \
    "needed for zip and corpus; free some space, or set DS_DIR to another disk"
}

incomplete() { # is more of the zip $1 to come? Without a SIZE, a transfer that ends early looks like any other
  local start=''
  if [ -n "$SIZE" ]; then [ "$(size_of "$1")" -lt "$SIZE" ]; return; fi
  if [ ! -s "$1" ]; then return 0; fi
  IFS= read -r -n 2 start <"$1" || true
  case $start in P | PK) ! has_end "$1" ;; *) return 1 ;; esac # what is no zip, more bytes do not make one
}

has_end() { # does the zip $1 have its last record, which starts with PK 5 6?
  tail -c "$ZIP_END" "$1" | LC_ALL=C tr -d '\000' |
    LC_ALL=C awk 'index($0, "PK\005\006") { found = 1 } END { exit !found }'
}

fetch() {
  local attempt=1 rc status progress=--silent best
  if [ -t 2 ]; then progress=--progress-bar; fi
  best=$(size_of "$PART")
  while incomplete "$PART"; do
    info "fetching $URL (${SIZE:-unknown number of} bytes, $(size_of "$PART") already here)"
    rc=0
    status=$(curl -fL "$progress" --continue-at - --output "$PART" --write-out '%{http_code}' \
      --connect-timeout "$CONNECT_TIMEOUT" --speed-limit 1 --speed-time "$STALL_TIMEOUT" "$URL") || rc=$?
    case $rc:$status in
      0:416 | 22:416) return 0 ;; # nothing is left to fetch
      0:*) incomplete "$PART" || return 0; rc=18 ;; # it was cut, and curl could not know
      33:*) info "the server cannot resume: starting anew"; rm "$PART" ;;
      22:408 | 22:429) ;; # worth another attempt, unlike the other 4xx
      22:4* | 23:*) die 1 "$(explain "$rc" "$status")" ;;
    esac
    if [ "$(size_of "$PART")" -gt "$best" ]; then best=$(size_of "$PART") attempt=0; fi
    [ "$attempt" -lt "$ATTEMPTS" ] || die 1 "$(explain "$rc" "$status")"
    attempt=$((attempt + 1))
    sleep "$RETRY_WAIT"
  done
}

damaged() { # reports archive $1; deletes it only if this script is downloading it
  if [ "$1" = "$PART" ]; then rm "$1"; die 1 "the download is damaged ($2) and was deleted; run again"; fi
  die 1 "$1 is damaged ($2); delete it and run again"
}

last_line() { # of what a tool said, if it said anything
  awk 'NF { last = $0 } END { print last == "" ? "no reason was given" : last }'
}

zip_tool() { # list, test or extract ($1) the archive $2 into $3
  if have unzip; then
    case $1 in list) unzip -Z1 "$2" ;; test) unzip -tqq "$2" ;; extract) unzip -qq "$2" -d "$3" ;; esac ||
      [ $? -eq 1 ] # warnings only
  else # not "python3 -m zipfile -t", which exits 0 on a damaged member
    python3 -c 'import sys, zipfile
command, archive = sys.argv[1], zipfile.ZipFile(sys.argv[2])
if command == "list": print("\n".join(archive.namelist()))
if command == "test" and archive.testzip(): sys.exit("damaged member " + archive.testzip())
if command == "extract": archive.extractall(sys.argv[3])' "$@"
  fi
}

verify() {
  local reason sum unsafe
  info "checking $1 (takes some minutes)"
  [ -z "$SIZE" ] || [ "$(size_of "$1")" -eq "$SIZE" ] || damaged "$1" "it has $(size_of "$1") bytes, expected $SIZE"
  [ "$(size_of "$1")" -gt 0 ] || damaged "$1" "it is empty"
  if [ -n "$SHA256" ]; then # stronger than the checksums inside the zip
    sum=$(sha256_of "$1") || die 1 "cannot compute a SHA-256: sudo apt-get install coreutils, or set VCTK_SHA256= empty"
    [ "$sum" = "$SHA256" ] || damaged "$1" "its SHA-256 is $sum, expected $SHA256"
  else
    reason=$(zip_tool test "$1" 2>&1) || damaged "$1" "$(last_line <<<"$reason")"
  fi
  unsafe=$(zip_tool list "$1" | awk '/^[\/\\]|^[A-Za-z]:|(^|[\/\\])\.\.([\/\\]|$)/ { if (!n++) print }')
  [ -z "$unsafe" ] || damaged "$1" "its member '$unsafe' would land outside the corpus folder"
}

unpack() {
  local reason audio
  info "unpacking into $CORPUS"
  rm -rf "$STAGING" && mkdir "$STAGING" # a killed run may have left one
  reason=$(zip_tool extract "$ARCHIVE" "$STAGING" 2>&1) || die 1 "cannot unpack: $(last_line <<<"$reason"); disk full?"
  [ -z "$(find "$STAGING" -type l -print -quit)" ] || die 1 "$ARCHIVE holds symbolic links, VCTK does not; delete it"
  audio=$(find "$STAGING" -maxdepth 2 -type d -name 'wav48*' | awk 'NR == 1') # depth 2: 0.80 has an enclosing folder
  [ -n "$audio" ] || die 1 "$ARCHIVE holds no wav48*/ folder, so it is not VCTK; delete it and run again"
  if [ -d "$CORPUS" ]; then rmdir "$CORPUS"; fi # check_target saw it empty
  mv "$(dirname "$audio")" "$CORPUS"
}

next_command() {
  echo "Next: python cli.py --regenerate_full_cache --multi_threading" \
    "--cache_output_dir $(printf %q "$DS_DIR/cache") --audio_dir $(printf %q "$CORPUS")"
}

main() {
  trap interrupted INT
  parse_arguments "$@"
  select_version
  check_target
  prepare
  printf 'VCTK %s. Licence: %s\nCite: %s\n' "$VERSION" "$LICENCE" "$CITATION"
  if [ ! -f "$ARCHIVE" ]; then
    check_size; check_disk "$(size_of "$PART")"; fetch; verify "$PART"; mv "$PART" "$ARCHIVE"
  else # of an earlier run, or brought by the user
    SIZE=$(size_of "$ARCHIVE"); check_disk "$SIZE"; verify "$ARCHIVE"
  fi
  unpack
  if [ "$DELETE_ARCHIVE" = yes ]; then rm "$ARCHIVE"; fi
  info "done: $CORPUS"
  next_command
}

main "$@"
