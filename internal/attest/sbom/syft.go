package sbom

import (
	"bytes"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
)

// syftIdentity reads the descriptor or the schema of what may be Syft's own JSON.
// Other programs have a descriptor too: Grype's report has one of the same shape.
func (d *decoder) syftIdentity() {
	var name, version, url []byte
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		text := func(into *[]byte) {
			if d.Kind() != '"' {
				d.Skip()
				return
			}
			*into = d.Text()
		}
		switch string(key) {
		case "name":
			text(&name)
		case "version":
			text(&version)
		case "url":
			text(&url)
		default:
			d.Skip()
		}
	}
	schema := bytes.Contains(url, []byte("/anchore/syft/"))
	if string(name) == "syft" || schema {
		d.setKind(Syft)
	}
	if schema {
		d.version = string(version)
	}
}

// artifact reads one package of Syft's own JSON.
func (d *decoder) artifact() {
	d.counted()
	mark := len(d.licenses)
	var c inventory.Entry
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "type":
			c.Kind = d.Text()
		case "name":
			c.Name = d.Text()
		case "version":
			c.Version = d.Text()
		case "purl":
			c.PURL = d.Text()
		case "licenses":
			d.syftLicenses()
		default:
			d.Skip()
		}
	}
	if d.Err() == nil {
		c.Licenses = d.licenses[mark:]
		d.Add(c)
	}
	d.licenses = d.licenses[:mark]
}

// syftLicenses reads the licences of an artifact: texts up to version 7 of the
// schema, afterwards objects with the text as found and the expression made of it.
func (d *decoder) syftLicenses() {
	if d.Null() {
		return
	}
	d.Array()
	for d.Item() {
		if d.Kind() == '"' {
			d.license(d.Text())
			continue
		}
		var value, expression []byte
		d.Object()
		for key, ok := d.Field(); ok; key, ok = d.Field() {
			switch string(key) {
			case "value":
				value = d.Text()
			case "spdxExpression":
				expression = d.Text()
			default:
				d.Skip()
			}
		}
		d.license(expression)
		if !bytes.Equal(value, expression) {
			d.license(value)
		}
	}
}
