# METADATA
# title: Clock is trustworthy
# description: |
#   Every other time is compared with this one. It must come from a source that the
#   organisation accepts, be known closely enough, and not be behind what was decided
#   before.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AU-8 time stamps and SC-45 system time synchronization
#   - ref: https://www.rfc-editor.org/rfc/rfc8915
#     description: RFC 8915, Network Time Security
# custom:
#   severity: block
#   stages: [build, plan, predeploy, admission, postdeploy, periodic]
#   waivable: false
#   evidence: []
#   remedy: Repair time synchronisation.
package gatekeep.rules.gate["clock-untrusted"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: a bad clock is not a denial; it leaves the gate unable to judge
violations := set()

# METADATA
# description: one finding for each reason not to believe the clock
unseen contains finding if {
	some [at, why] in _problems
	message := sprintf("Gate clock is not usable: %v", [why])
	finding := result.fail(rego.metadata.chain(), message, at)
}

_problems contains ["clock.now_ns", "it tells no time"] if not _tells_time

_problems contains ["clock.uncertainty_ns", why] if {
	not _known_closely
	why := sprintf("it may be wrong by %v ns, and at most %v s are accepted", [
		text.show(["clock", "uncertainty_ns"]),
		data.gatekeep.params.gate.max_clock_uncertainty_s,
	])
}

_problems contains ["clock.source", why] if {
	not _source_accepted
	why := sprintf("its source %v is none of %v", [
		text.show(["clock", "source"]),
		text.list(data.gatekeep.params.gate.clock_sources),
	])
}

_problems contains ["clock.floor_ns", why] if {
	not input.gate.state_declared == false
	not _has_floor
	why := "the newest time that was recorded is not known"
}

# Gates that share their state may each be wrong by as much as is accepted. A time that
# was recorded counts whether or not the bundle declares where.
_problems contains ["clock.floor_ns", why] if {
	_tells_time
	_has_floor
	input.clock.now_ns + _most < input.clock.floor_ns
	why := sprintf("it says %v, which is behind %v, the newest time that was recorded", [
		clock.show(input.clock.now_ns),
		clock.show(input.clock.floor_ns),
	])
}

# OPA reads the arguments of a negated call first: a missing one would hide the finding.
_tells_time if is_number(input.clock.now_ns)

_has_floor if is_number(input.clock.floor_ns)

_source_accepted if input.clock.source in data.gatekeep.params.gate.clock_sources

_known_closely if {
	is_number(input.clock.uncertainty_ns)
	input.clock.uncertainty_ns >= 0
	input.clock.uncertainty_ns <= _most
}

_most := data.gatekeep.params.gate.max_clock_uncertainty_s * clock.second

# METADATA
# description: what the record must say of a clock that was not measured or not compared
notes contains "the time was stated by the caller, not measured" if input.clock.source == "stated"

notes contains "the bundle declares no state: a clock that was set back cannot be seen" if {
	input.gate.state_declared == false
}
