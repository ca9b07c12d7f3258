# METADATA
# title: Text
# description: |
#   Arguments of messages. An undefined argument would make the whole finding vanish, so
#   each of these is defined whatever it is given.
package gatekeep.lib.text

# METADATA
# description: the value at a path of the input, or a mark that it is missing
show(path) := object.get(input, path, "(missing)")

# METADATA
# description: a field of an object, or a mark that it is missing
field(o, key) := object.get(o, key, "(missing)") if {
	is_object(o)
} else := "(missing)"

# METADATA
# description: a set as a sorted, comma-separated list; "none" where it is empty
list(xs) := concat(", ", sort([sprintf("%v", [x]) | some x in xs])) if {
	count(xs) > 0
} else := "none"
