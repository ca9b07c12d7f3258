# METADATA
# title: Classes of data
# description: |
#   What kinds of data something holds. Classes that nobody told may be any, so the only
#   proof that data is not of a kind is a list that is there and holds none of it.
package gatekeep.lib.class

# METADATA
# description: true where classes are told and none of them is wanted
none_of(classes, wanted) if {
	is_array(classes)
	is_array(wanted)
	count(classes) > 0
	every class in classes {
		is_string(class)
		not class in wanted
	}
}
