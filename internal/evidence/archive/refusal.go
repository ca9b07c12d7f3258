package archive

import "fmt"

// Stable codes for why an archive is not one that Write writes. They are never
// renamed or reused; docs/evidence-format.md lists them.
const (
	ReasonMalformed       = "archive_malformed"     // no zip archive of the one form
	ReasonJunk            = "archive_junk"          // bytes before, between or after the entries
	ReasonTooLarge        = "archive_too_large"     // over the bound on bytes or entries
	ReasonEntryDuplicate  = "entry_duplicate"       // two entries that some system takes for one file
	ReasonEntryUnsafePath = "entry_unsafe_path"     // a path that may lead out of the folder it is unpacked to
	ReasonEntryNotFile    = "entry_not_file"        // a folder, link or device
	ReasonEntryEncrypted  = "entry_encrypted"       // needs a password
	ReasonEntryBomb       = "entry_bomb"            // unpacks to more than the bounds
	ReasonEntryIrregular  = "entry_irregular"       // a header field that Write writes in another way
	ReasonEntryMismatch   = "entry_header_mismatch" // the two headers of an entry disagree
	ReasonFileReordered   = "file_reordered"        // entries out of order
	ReasonFileMissing     = "file_missing"          // no entry of that name
	ReasonFileChanged     = "file_changed"          // bytes that do not unpack to what the header says
	ReasonUnreadable      = "archive_unreadable"    // the disk or the network failed, not the archive
)

// Refusal is an error with its stable code, and the path that it is about where
// there is one.
type Refusal struct {
	Reason string
	Path   string
	Detail string // for people
}

// Error is the code, the path and the detail.
func (r *Refusal) Error() string {
	if r.Path == "" {
		return r.Reason + ": " + r.Detail
	}
	return r.Reason + ": " + r.Path + ": " + r.Detail
}

// Refuse makes a Refusal with a formatted detail.
func Refuse(reason, path, format string, args ...any) *Refusal {
	return &Refusal{reason, path, fmt.Sprintf(format, args...)}
}
