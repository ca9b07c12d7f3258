package finding

import (
	"strings"

	"github.com/package-url/packageurl-go"
)

// ecosystems are the names that scanners and OSV give to package managers and
// distributions, in lower case and without what follows a colon, with the type and
// namespace of a purl.
var ecosystems = map[string][2]string{
	"npm": {"npm"}, "yarn": {"npm"}, "pnpm": {"npm"}, "bun": {"npm"}, "node-pkg": {"npm"}, "javascript": {"npm"}, "nodejs": {"npm"}, "node": {"npm"},
	"go": {"golang"}, "gomod": {"golang"}, "gobinary": {"golang"}, "gomodules": {"golang"}, "golangdep": {"golang"}, "govendor": {"golang"}, "golang": {"golang"},
	"maven": {"maven"}, "gradle": {"maven"}, "sbt": {"maven"}, "jar": {"maven"}, "pom": {"maven"}, "java": {"maven"}, "clojars": {"clojars"},
	"pypi": {"pypi"}, "pip": {"pypi"}, "pipenv": {"pypi"}, "poetry": {"pypi"}, "python-pkg": {"pypi"}, "uv": {"pypi"}, "python": {"pypi"},
	"nuget": {"nuget"}, "paket": {"nuget"}, "dotnet-core": {"nuget"}, "packages-props": {"nuget"}, "dotnet": {"nuget"},
	"crates.io": {"cargo"}, "cargo": {"cargo"}, "rustbinary": {"cargo"}, "rust": {"cargo"},
	"rubygems": {"gem"}, "bundler": {"gem"}, "gemspec": {"gem"}, "ruby": {"gem"}, "gem": {"gem"},
	"packagist": {"composer"}, "composer": {"composer"}, "composer-vendor": {"composer"}, "php": {"composer"},
	"hex": {"hex"}, "mix-lock": {"hex"}, "pub": {"pub"}, "conan": {"conan"}, "conancenter": {"conan"},
	"swift": {"swift"}, "swifturl": {"swift"}, "cocoapods": {"cocoapods"}, "hackage": {"hackage"}, "cran": {"cran"},
	"github actions": {"githubactions"}, "bitnami": {"bitnami"}, "conda-pkg": {"conda"}, "conda-environment": {"conda"},
	"debian": {"deb", "debian"}, "ubuntu": {"deb", "ubuntu"}, "deb": {"deb"}, "alpine": {"apk", "alpine"}, "apk": {"apk"},
	"wolfi": {"apk", "wolfi"}, "chainguard": {"apk", "chainguard"}, "redhat": {"rpm", "redhat"}, "red hat": {"rpm", "redhat"},
	"centos": {"rpm", "centos"}, "rocky": {"rpm", "rocky"}, "rocky linux": {"rpm", "rocky"}, "alma": {"rpm", "alma"}, "almalinux": {"rpm", "alma"},
	"amazon": {"rpm", "amazon"}, "oracle": {"rpm", "oracle"}, "fedora": {"rpm", "fedora"}, "photon": {"rpm", "photon"},
	"suse": {"rpm", "suse"}, "opensuse": {"rpm", "opensuse"}, "sles": {"rpm", "sles"}, "rpm": {"rpm"}, "mageia": {"rpm", "mageia"}, "linux": {"generic"},
}

// Component is the purl of a package of which a report knows ecosystem, name and
// version; where it knows no ecosystem, or one that has no purl, name and version
// alone.
func Component(ecosystem, name, version string) string {
	ecosystem, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(ecosystem)), ":")
	at, known := ecosystems[ecosystem]
	if !known {
		at, known = ecosystems[strings.SplitN(ecosystem, "-", 2)[0]] // opensuse-tumbleweed
	}
	switch {
	case name == "":
		return ""
	case !known && version == "":
		return name
	case !known:
		return name + "@" + version
	}
	kind, namespace := at[0], at[1]
	if kind == "maven" {
		name = strings.Replace(name, ":", "/", 1)
	}
	if kind == "golang" && version != "" && version[0] >= '0' && version[0] <= '9' {
		version = "v" + version
	}
	if slash := strings.LastIndexByte(name, '/'); slash > 0 && namespace == "" {
		namespace, name = name[:slash], name[slash+1:]
	}
	return packageurl.NewPackageURL(kind, namespace, name, version, nil, "").ToString()
}
