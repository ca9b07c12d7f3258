# METADATA
# title: Clock
# description: |
#   The only clock is the one that the host recorded. Its uncertainty is added on the
#   side that denies. What is no number has neither come nor not come.
package gatekeep.lib.clock

# METADATA
# description: the moment of the decision, in nanoseconds
now := input.clock.now_ns

# METADATA
# description: half-width of what the clock may be wrong by, in nanoseconds
skew := input.clock.uncertainty_ns

# METADATA
# description: true where t has certainly not come yet
certainly_before(t) if {
	is_number(t)
	now + skew < t
}

# METADATA
# description: true where t has certainly come
certainly_after(t) if {
	is_number(t)
	now - skew >= t
}

# METADATA
# description: |
#   nanoseconds of an RFC 3339 time in upper case; undefined where it is none, where no
#   calendar has the day, and outside 1900 to 2199, near the end of what nanoseconds hold.
#   The parser would end the evaluation on any of these
ns(text) := time.parse_rfc3339_ns(text) if {
	is_string(text)
	on_some_day(substring(text, 0, 10))
	regex.match(
		`^T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`,
		substring(text, 10, -1),
	)
}

# METADATA
# description: true where the calendar has this day
on_some_day(date) if regex.match(`^(19|2[01])\d{2}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$`, date)

on_some_day(date) if regex.match(`^(19|2[01])\d{2}-(0[13-9]|1[0-2])-(29|30)$`, date)

on_some_day(date) if regex.match(`^(19|2[01])\d{2}-(0[13578]|1[02])-31$`, date)

on_some_day(date) if {
	regex.match(`^(19|2[01])([02468][048]|[13579][26])-02-29$`, date)
	not startswith(date, "1900")
	not startswith(date, "2100")
}

# METADATA
# description: an hour, in nanoseconds
hour := 3600000000000

# METADATA
# description: a minute, in nanoseconds
minute := 60000000000

# METADATA
# description: a second, in nanoseconds
second := 1000000000

# METADATA
# description: a day of 24 hours, in nanoseconds
day := 86400000000000

# METADATA
# description: RFC 3339 of nanoseconds, for messages; a question mark where there are none
show(t) := time.format(t) if {
	is_number(t)
	t == floor(t)
	abs(t) < 9223372036854775807
} else := "?"
