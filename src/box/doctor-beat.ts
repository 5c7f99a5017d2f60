/** A process that writes a growing number, to see from another sandbox whether it lives. */
export const BEAT =
  "(trap '' TERM HUP INT; n=0; while [ ! -e beat-stop ]; do n=$((n+1)); echo $n >beat.new; mv beat.new beat; sleep 0.02; done; rm -f beat-stop) </dev/null >/dev/null 2>&1 &";
/** Holds when the process lives, which on a busy machine may not get its turn for a while; ends it. */
export const BEAT_ALIVE =
  `first=$(cat beat); for n in $(seq 50); do second=$(cat beat); [ "$first" = "$second" ] || break; sleep 0.1; done; touch beat-stop; ` +
  `[ "$first" = "$second" ] || for n in $(seq 50); do [ -e beat-stop ] || break; sleep 0.1; done; rm -f beat-stop beat beat.new; ` +
  `[ -n "$first" ] || { echo "NOT TRIED it never ran"; exit; }; [ "$first" != "$second" ] && echo "HELD it lives on" || echo "REACHED it was killed"`;
/** Holds when the process is dead. */
export const BEAT_VERDICT = `first=$(cat beat); sleep 0.3; second=$(cat beat); touch beat-stop; sleep 0.1; rm -f beat-stop beat beat.new; [ -n "$first" ] || { echo "NOT TRIED it never ran"; exit; }; [ "$first" = "$second" ] && echo "HELD it is dead" || echo "REACHED it lives on"`;
