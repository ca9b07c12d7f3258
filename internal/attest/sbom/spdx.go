package sbom

import "bytes"

// pkg reads one package of SPDX. Each purl among its external references is an
// identity of it; the others than the first are indexed beside.
func (d *decoder) pkg() {
	d.counted()
	mark := len(d.licenses)
	var c entry
	var more [][]byte
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "name":
			c.name = d.Text()
		case "versionInfo":
			c.version = d.Text()
		case "primaryPackagePurpose":
			c.kind = d.Text()
		case "licenseConcluded", "licenseDeclared":
			// SPDX 2.3 clauses 7.13 and 7.15: NONE and NOASSERTION are no licences.
			if text := d.Text(); string(text) != "NOASSERTION" && string(text) != "NONE" {
				d.license(text)
			}
		case "externalRefs":
			for _, purl := range d.references() {
				if c.purl == nil {
					c.purl = purl
				} else {
					more = append(more, purl)
				}
			}
		default:
			d.Skip()
		}
	}
	if d.Err() == nil {
		c.licenses = d.licenses[mark:]
		if len(c.licenses) == 2 && bytes.Equal(c.licenses[0], c.licenses[1]) {
			c.licenses = c.licenses[:1]
		}
		// Trivy writes the purpose with a hyphen, the specification has both.
		c.nameless = string(c.kind) == "FILE" || string(c.kind) == "OPERATING-SYSTEM" || string(c.kind) == "OPERATING_SYSTEM"
		d.add(c)
		for _, purl := range more {
			d.addPURL(purl, string(c.name))
		}
	}
	d.licenses = d.licenses[:mark]
}

// references reads external references and returns those that are purls.
func (d *decoder) references() (purls [][]byte) {
	if d.Null() {
		return nil
	}
	d.Array()
	for d.Item() {
		var kind, locator []byte
		d.Object()
		for key, ok := d.Field(); ok; key, ok = d.Field() {
			switch string(key) {
			case "referenceType":
				kind = d.Text()
			case "referenceLocator":
				locator = d.Text()
			default:
				d.Skip()
			}
		}
		if string(kind) == "purl" && len(locator) > 0 {
			purls = append(purls, locator)
		}
	}
	return purls
}
