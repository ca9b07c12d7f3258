package gatekeep.lib.text_test

import data.gatekeep.lib.text

test_a_value_is_found_by_its_path if {
	text.show(["a", "b"]) == "c" with input as {"a": {"b": "c"}}
}

test_a_missing_path_is_marked if {
	every doc in [{}, {"a": {}}, {"a": "b"}, {"a": null}] {
		text.show(["a", "b"]) == "(missing)" with input as doc
	}
}

test_a_field_is_found_by_its_name if text.field({"a": 1}, "a") == 1

test_a_missing_field_is_marked if text.field({"a": 1}, "b") == "(missing)"

test_a_field_of_what_is_no_object_is_marked if {
	every o in [null, "a", 1, ["a"]] {
		text.field(o, "a") == "(missing)"
	}
}

test_a_set_is_listed_in_order if text.list({"b", "a", "c"}) == "a, b, c"

test_a_list_of_anything_is_text if text.list([2, "1", true]) == "1, 2, true"

test_an_empty_set_is_none if {
	text.list(set()) == "none"
	text.list([]) == "none"
}
