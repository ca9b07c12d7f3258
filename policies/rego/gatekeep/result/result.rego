# METADATA
# title: Result
# description: the only place where a finding is made, so its shape can change in one file
package gatekeep.result

# METADATA
# description: |
#   a finding of the rule whose metadata chain is given; id, severity and remedy come
#   from the annotations, so no rule types its own name. Every argument must be
#   defined: an undefined one would make the finding vanish
fail(chain, message, at) := {
	"rule": concat("/", array.slice(link.path, 2, 4)),
	"message": message,
	"at": at,
	"severity": link.annotations.custom.severity,
	"remedy": link.annotations.custom.remedy,
} if {
	some link in chain
	link.annotations.scope == "package"
	link.path[1] == "rules"
}
