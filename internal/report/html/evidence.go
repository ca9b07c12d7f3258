package html

import (
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// accepted is the evidence that was believed, and on whose word.
func accepted(r gatekeep.Record) section {
	out := section{ID: "accepted", Title: "Evidence that was believed"}
	t := table{Caption: "Evidence that was believed", Class: "evidence", Heads: []string{"Kind", "Signer", "Belief", "Document"}}
	for _, s := range r.Accepted {
		t.add(say(s.Kind).with(lines("note", s.PredicateType)), code(s.Signer), say(known(trusts, s.Status)).with(lines("note", prefixed("found in ", s.Source))),
			code(nameOf(r, s.ID), s.ID))
	}
	if len(r.Accepted) == 0 {
		out.Text = []string{"None. No document was believed."}
		return out
	}
	out.Text = []string{count(len(r.Accepted), "document.", "documents.") + " Signers are named as in the trust policy."}
	out.Tables = []table{t}
	return out
}

// rejected is the evidence that was found and not believed.
func rejected(v view.View) section {
	out := section{ID: "rejected", Title: "Evidence that was not believed"}
	if len(v.Rejected) == 0 {
		out.Text = []string{"None. Every document that was found was believed."}
		return out
	}
	out.Text = []string{count(len(v.Rejected), "document was", "documents were") + " found and not believed. Nothing in them was used for the decision."}
	t := table{Caption: "Evidence that was not believed", Class: "findings", Heads: []string{"Document", "Why", "In detail", "Found in"}}
	for _, x := range v.Rejected {
		t.add(code(x.Name, x.ID).with(lines("note", view.Joined(", ", x.Kind, prefixed("signer ", x.Signer)))),
			say(known(reasons, x.Reason)).with(lines("note", prefixed("code ", string(x.Reason)))), say(x.Detail), say(x.Source))
	}
	out.Tables = []table{t}
	return out
}

// sources are the places that were looked at.
func sources(r gatekeep.Record) section {
	out := section{ID: "sources", Title: "Places that were looked at"}
	t := table{Caption: "Places that were looked at for evidence", Class: "sources", Heads: []string{"Place", "What came of it", "Needed", "Documents"}}
	for _, s := range r.Case.Sources {
		status := view.Pass
		switch s.Status {
		case gatekeep.SourceRead:
		case gatekeep.SourceEmpty:
			status = view.NotApplicable
		default:
			status = view.Unknown
		}
		why := ""
		if s.Reason != "" {
			why = known(reasons, s.Reason) + " (" + string(s.Reason) + ")"
		}
		needed := "no"
		if s.Required {
			needed = "yes: where it fails, the gate stays shut"
		}
		t.add(code(s.Name), badge(status, known(statuses, s.Status)).with(say(why), lines("note", s.Detail)), say(needed), say(fmt.Sprint(s.Count)))
	}
	if len(t.Rows) == 0 {
		out.Text = []string{"None."}
		return out
	}
	out.Tables = []table{t}
	return out
}

// policy is by what was judged, and how that came to be trusted.
func policy(r gatekeep.Record) section {
	p := r.Case.Policy
	t := facts("The policy, the programs and the documents of the decision")
	t.fact("Policy", say(p.Name).with(lines("note", fmt.Sprintf("revision %d", p.Revision), prefixed("from: ", p.Origin))))
	t.fact("Trust in the policy", trustIn(p))
	if p.ExpiresAt != nil {
		t.fact("Policy expires", say(when(*p.ExpiresAt)))
	}
	t.fact("Digest of the policy", code(p.Digest))
	t.fact("Digest of its bundle", code(p.Bundle))
	t.fact("Digest of the facts that were judged", code(r.Facts.Input))
	t.fact("Digest of the decision", code(r.Facts.Decision))
	t.fact("Digest that approvals are bound to", code(r.Facts.Binding))
	t.fact("Programs", say(view.Joined(", ", prefixed("gatekeep ", r.Engine.Gatekeep), prefixed("OPA ", r.Engine.OPA), r.Engine.Go)))
	return section{ID: "policy", Title: "By what it was judged", Tables: []table{t}}
}

func trustIn(p gatekeep.PolicyRef) cell {
	switch {
	case p.SignatureVerified:
		return badge(view.Pass, "signature verified").with(code(p.Signer))
	case p.Origin == "embedded":
		return say("part of the program")
	case p.UnsignedAllowed:
		return badge(view.Warning, "unsigned, which the caller allowed")
	}
	return badge(view.Warning, "unsigned")
}

// verify says how somebody who trusts neither this page nor the gate checks both.
func verify(r gatekeep.Record) section {
	out := section{ID: "verify", Title: "How to verify this", Text: []string{
		"This page is a view of the record in the evidence bundle, and proves nothing by itself. The bundle is a zip file; BUNDLE.zip stands for it. No step needs a network.",
		"Get the public key of the gate, gate.pub, from its owner, and not from the bundle: a bundle cannot vouch for itself."}}
	out.Commands = []command{
		{"With gatekeep: check every byte and the signature, then make the decision again from the bundle alone.", []string{
			"gatekeep evidence verify --key gate.pub BUNDLE.zip", "gatekeep evidence replay BUNDLE.zip"}},
		{"Without gatekeep: unpack into an empty folder. Compare the key with the one that the bundle names, and check who signed the list of files.", []string{
			"unzip -d bundle BUNDLE.zip && cd bundle",
			"openssl pkey -pubin -in ../gate.pub -outform DER | sha256sum",
			"openssl pkey -pubin -in evidence.pub -outform DER | sha256sum",
			"cosign trusted-root create --out ../no-roots.json",
			"cosign verify-blob-attestation --key ../gate.pub --bundle evidence.sigstore.json --trusted-root ../no-roots.json --insecure-ignore-tlog=true --type https://slsa.dev/verification_summary/v1 SHA256SUMS"}},
		{"The same signature with openssl alone.", []string{
			"jq -r .dsseEnvelope.payload evidence.sigstore.json | base64 -d > ../statement.json",
			"jq -r '.dsseEnvelope.signatures[0].sig' evidence.sigstore.json | base64 -d > ../statement.sig",
			"{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < ../statement.json)\"; cat ../statement.json; } > ../statement.pae",
			"openssl dgst -sha256 -verify ../gate.pub -signature ../statement.sig ../statement.pae"}},
		{"Check that every file is as it was sealed.", []string{"sha256sum --check --strict --quiet SHA256SUMS"}},
		{"Check that the facts and the decision are those of this page; their digests stand under “By what it was judged”.", []string{
			"sha256sum decision/input.json decision/decision.json"}},
	}
	out.Tables = nil
	if r.ID != "" {
		out.Text = append(out.Text, "VERIFY.md in the bundle has every step for that bundle, with what each must print. The bundle must speak of decision "+clean(r.ID)+".")
	}
	return out
}

// reading explains the words of the page.
func reading() section {
	t := table{Caption: "Words of this page", Class: "facts", Heads: []string{"Word", "Meaning"}}
	for s, words := range [...]string{
		view.Against:       "A rule looked, and what it saw keeps the gate shut.",
		view.Unknown:       "A rule could not tell, or nothing spoke; this keeps the gate shut too. It is never a pass.",
		view.Warning:       "A rule objects or could not tell, and is one that only warns.",
		view.Excused:       "A rule objects, and a named waiver, grant or exemption excuses it. It is not a pass.",
		view.Pass:          "A rule looked, and was content.",
		view.NotApplicable: "A rule does not apply to this request.",
	} {
		t.add(badge(view.Standing(s), view.Standing(s).String()), say(words))
	}
	s := table{Caption: "Strength of a control", Class: "facts", Heads: []string{"Strength", "Meaning"}}
	for _, name := range [...]string{"direct", "partial", "supporting"} {
		s.add(say(name), say(strengths[name]))
	}
	return section{ID: "words", Title: "How to read this", Text: []string{
		"Texts that end in “…” were cut at 400 characters; the record, decision/record.json in the bundle, has them whole. Characters that show nothing or turn the direction of writing were left out.",
		"Times are Coordinated Universal Time (UTC)."}, Tables: []table{t, s}}
}
