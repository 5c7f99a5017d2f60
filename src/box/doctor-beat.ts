/** A process that writes a growing number, to see from another sandbox whether it lives. */
export const BEAT =
  "(trap '' TERM HUP INT; n=0; while [ ! -e beat-stop ]; do n=$((n+1)); echo $n >beat.new; mv beat.new beat; sleep 0.02; done) </dev/null >/dev/null 2>&1 &";
/** Reads the number twice into $first and $second, and ends the process. */
export const BEATS =
  "first=$(cat beat); sleep 0.3; second=$(cat beat); touch beat-stop; sleep 0.1; rm -f beat-stop beat beat.new;";
/** Holds when the process is dead. */
export const BEAT_VERDICT = `${BEATS} [ -n "$first" ] || { echo "NOT TRIED it never ran"; exit; }; [ "$first" = "$second" ] && echo "HELD it is dead" || echo "REACHED it lives on"`;
