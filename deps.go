//go:build deps

package gatekeep

import (
	_ "github.com/pandatix/go-cvss/20"
	_ "github.com/pandatix/go-cvss/30"
	_ "github.com/pandatix/go-cvss/31"
	_ "github.com/pandatix/go-cvss/40"
	_ "github.com/sigstore/sigstore-go/pkg/sign"
	_ "github.com/sigstore/sigstore-go/pkg/tuf"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	_ "github.com/spdx/tools-golang/spdx/v3/v3_0"
	_ "github.com/spdx/tools-golang/tagvalue"
	_ "github.com/transparency-dev/tessera"
	_ "github.com/transparency-dev/tessera/storage/posix"
	_ "modernc.org/sqlite"
)
