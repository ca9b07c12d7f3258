# METADATA
# title: Classes of data
# description: |
#   What kinds of data something holds. Classes that nobody told may be any, so the only
#   proof that data is not of a kind is a list that is there and holds none of it.
package gatekeep.lib.class

# METADATA
# description: true where classes are told, some are wanted, and none of the told is wanted
none_of(classes, wanted) if {
	names(classes)
	names(wanted)
	every class in classes {
		not class in wanted
	}
}

# METADATA
# description: true for a list of one name or more
names(xs) if {
	is_array(xs)
	count(xs) > 0
	every x in xs {
		is_string(x)
		x != ""
	}
}
