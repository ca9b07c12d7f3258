package gatekeep.lib.class_test

import data.gatekeep.lib.class

test_told_classes_without_the_wanted_one_are_none if class.none_of(["telemetry", "none"], ["ephi"])

test_one_wanted_class_is_enough if not class.none_of(["none", "ephi"], ["ephi"])

test_classes_that_nobody_told_may_be_any if {
	not class.none_of([], ["ephi"])
	not class.none_of(null, ["ephi"])
	not class.none_of("none", ["ephi"])
	not class.none_of([null, "none"], ["ephi"])
	not class.none_of(["", "none"], ["ephi"])
}

test_a_parameter_that_is_no_list_proves_nothing if {
	not class.none_of(["none"], null)
	not class.none_of(["none"], "ephi")
}

test_a_parameter_that_lists_nothing_proves_nothing if {
	not class.none_of(["none"], [])
	not class.none_of(["none"], [""])
}
