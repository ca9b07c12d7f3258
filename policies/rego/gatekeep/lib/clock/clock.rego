# METADATA
# title: Clock
# description: |
#   The only clock is the one that the host recorded. Its uncertainty is added on the
#   side that denies.
package gatekeep.lib.clock

# METADATA
# description: the moment of the decision, in nanoseconds
now := input.clock.now_ns

# METADATA
# description: half-width of what the clock may be wrong by, in nanoseconds
skew := input.clock.uncertainty_ns

# METADATA
# description: true where t has certainly not come yet
certainly_before(t) if now + skew < t

# METADATA
# description: true where t has certainly come
certainly_after(t) if now - skew >= t

# METADATA
# description: true where the moment may lie in the half-open stretch from s to e
maybe_within(s, e) if {
	now + skew >= s
	now - skew < e
}

# METADATA
# description: nanoseconds of an RFC 3339 time; undefined where it is none
ns(text) := time.parse_rfc3339_ns(text) if {
	is_string(text)
	regex.match(`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$`, text)
}

# METADATA
# description: an hour, in nanoseconds
hour := 3600000000000

# METADATA
# description: a minute, in nanoseconds
minute := 60000000000

# METADATA
# description: a day of 24 hours, in nanoseconds
day := 86400000000000

# METADATA
# description: RFC 3339 of nanoseconds, for messages; a question mark where there are none
show(t) := time.format(t) if {
	is_number(t)
} else := "?"
