# METADATA
# title: Age
# description: |
#   How old evidence may be, and how long a finding may stay open. Both are granted on
#   positive proof only: a missing date and a date ahead grant nothing, and neither does
#   a severity that a table lacks.
package gatekeep.lib.age

import data.gatekeep.lib.clock

# METADATA
# description: |
#   "recent" where the time is certainly within so many hours before the decision, and
#   otherwise what is wrong with it
of(time, hours) := "recent" if {
	t := clock.ns(time)
	t <= clock.now + clock.skew
	(clock.now + clock.skew) - t <= hours * clock.hour
} else := "in the future" if {
	clock.certainly_before(clock.ns(time))
} else := "too old" if {
	clock.ns(time)
} else := "unknown"

# METADATA
# description: |
#   days that a severity has; none where the table lacks it or is no table, null where it
#   has no end
days(table, severity) := object.get(table, severity, 0) if {
	is_object(table)
} else := 0

# METADATA
# description: true where a finding first seen then is certainly still within its days
within(first_seen, days) if {
	is_number(days)
	seen := clock.ns(first_seen)
	seen <= clock.now + clock.skew
	clock.certainly_before(seen + (days * clock.day))
}

# METADATA
# description: when a finding was first seen, for messages
since(finding) := sprintf("first seen %s", [finding.first_seen]) if {
	is_string(finding.first_seen)
} else := "first seen at an unknown time"
