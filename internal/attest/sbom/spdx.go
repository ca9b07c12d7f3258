package sbom

import "github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"

// pkg reads one package of SPDX 2. Each purl among its external references is an
// identity of it.
func (d *decoder) pkg() {
	d.counted()
	mark := len(d.licenses)
	var c inventory.Entry
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "SPDXID":
			c.ID = d.Text()
		case "name":
			c.Name = d.Text()
		case "versionInfo":
			c.Version = d.Text()
		case "primaryPackagePurpose":
			c.Kind = d.Text()
		case "licenseConcluded", "licenseDeclared":
			if text := d.Text(); !inventory.NoLicense(text) {
				d.license(text)
			}
		case "externalRefs":
			d.references(&c)
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

// references reads external references and keeps those that are purls.
func (d *decoder) references(c *inventory.Entry) {
	if d.Null() {
		return
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
		if inventory.IsReference(kind, locator) {
			c.AddPURL(locator)
		}
	}
}

// relation reads one relation, for what the document says that it describes.
func (d *decoder) relation() {
	var from, kind, to string
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "spdxElementId":
			from = string(d.Text())
		case "relationshipType":
			kind = string(d.Text())
		case "relatedSpdxElement":
			to = string(d.Text())
		default:
			d.Skip()
		}
	}
	if d.Err() == nil {
		d.Relate(from, kind, to)
	}
}
