package html

import "github.com/gatekeep-dev/gatekeep"

// reasons say in words what a reason code means, to a reader who has never seen one.
var reasons = map[gatekeep.Reason]string{
	gatekeep.ReasonEnvelopeMalformed:  "The file is no signed document of a known form.",
	gatekeep.ReasonStatementMalformed: "It is signed, but what is inside is no statement about an artifact.",
	gatekeep.ReasonPredicateMalformed: "Its content is not what its type says that it is.",
	gatekeep.ReasonPredicateUnknown:   "It is of a type that the gate does not read, and that nobody is trusted for.",
	gatekeep.ReasonSchemaViolation:    "It breaks the published schema of its format, and the policy insists on that.",
	gatekeep.ReasonTooLarge:           "It is larger than the gate reads.",
	gatekeep.ReasonUnsigned:           "Nobody signed it, and the policy wants a signature.",
	gatekeep.ReasonSignatureInvalid:   "Its signature does not hold: it was changed after it was signed, or was signed by somebody else.",
	gatekeep.ReasonSignerUnknown:      "It was signed by a key or an identity that the policy does not know.",
	gatekeep.ReasonSignerNotTrusted:   "Its signer is known, and may not make this kind of statement here.",
	gatekeep.ReasonCertificateInvalid: "The certificate of the signer does not hold.",
	gatekeep.ReasonExpired:            "The key or certificate of the signer is no longer valid.",
	gatekeep.ReasonNotYetValid:        "The key or certificate of the signer is not valid yet.",
	gatekeep.ReasonNoTrustedTime:      "Nothing proves when it was signed.",
	gatekeep.ReasonLogInvalid:         "The proof that it stands in a transparency log does not hold.",
	gatekeep.ReasonLogKeyNotValid:     "The key of the log or of the time stamp was used outside the time in which it is valid.",
	gatekeep.ReasonThresholdNotMet:    "Fewer trusted people signed it than the policy asks for.",
	gatekeep.ReasonLayoutViolated:     "The steps that were done are not those that the signed plan prescribes.",
	gatekeep.ReasonSubjectMismatch:    "It is about something else than what would be deployed.",
	gatekeep.ReasonSourceUnreachable:  "The place gave no usable answer in time.",
	gatekeep.ReasonSourceDenied:       "The place refused to let the gate look.",
	gatekeep.ReasonSourceTimeout:      "The place gave no answer in time.",
	gatekeep.ReasonSourceLimited:      "The place was asked too often.",
	gatekeep.ReasonSourceMalformed:    "The answer of the place breaks its own protocol.",
	gatekeep.ReasonNotFound:           "What was asked for does not exist.",
}

// strengths say how much of a control its rules can show.
var strengths = map[string]string{
	"direct":     "The rules show what the control asks for.",
	"partial":    "The rules show a part of what the control asks for.",
	"supporting": "The rules show something that helps to judge the control.",
}

// kinds of subject.
var kinds = map[string]string{
	gatekeep.KindImage:     "container image",
	gatekeep.KindIndex:     "container image for several platforms",
	gatekeep.KindFile:      "file",
	gatekeep.KindDirectory: "directory",
	gatekeep.KindRelease:   "release of several artifacts",
}

// statuses of a source.
var statuses = map[string]string{
	gatekeep.SourceRead:   "looked, and found documents",
	gatekeep.SourceEmpty:  "looked, and there was nothing",
	gatekeep.SourceFailed: "could not look",
}

// trusts say how a believed statement came to be believed.
var trusts = map[string]string{
	gatekeep.StatusVerified: "signature verified",
	gatekeep.StatusUnsigned: "no signature: the trust policy allows that for this type",
}

// duties are kinds of obligation.
var duties = map[string]string{"break_glass_review": "review of the emergency deployment"}

// known is the word for a code, and the code itself where there is none.
func known[K ~string](words map[K]string, code K) string {
	if word, ok := words[code]; ok {
		return word
	}
	return clean(string(code))
}
