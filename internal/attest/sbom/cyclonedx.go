package sbom

import "github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"

// metadata reads the thing that the document describes, and what is nested in it: some
// generators list the modules of a project there, and nowhere else. The thing itself is
// not counted among what it consists of.
func (d *decoder) metadata() {
	if d.Null() {
		return
	}
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		if string(key) != "component" {
			d.Skip()
			continue
		}
		if d.Null() {
			continue
		}
		d.entry(true)
	}
}

func (d *decoder) components() {
	if d.Null() {
		return // cyclonedx-go and others write null for an empty list
	}
	d.each(d.component)
}

// component reads one component of CycloneDX, and those within it.
func (d *decoder) component() {
	d.counted()
	d.entry(false)
}

// entry reads a component, or the thing that is described.
func (d *decoder) entry(described bool) {
	mark := len(d.licenses)
	c := inventory.Entry{Described: described}
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "type":
			c.Kind = d.Text()
		case "name":
			c.Name = d.Text()
		case "group":
			c.Group = d.Text()
		case "version":
			c.Version = d.Text()
		case "purl":
			c.PURL = d.Text()
		case "licenses":
			d.licenseChoice()
		case "components":
			d.components()
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

// licenseChoice reads a list of {"license":{"id"|"name"}} and {"expression"}.
func (d *decoder) licenseChoice() {
	if d.Null() {
		return
	}
	d.Array()
	for d.Item() {
		d.Object()
		for key, ok := d.Field(); ok; key, ok = d.Field() {
			switch string(key) {
			case "expression":
				d.license(d.Text())
			case "license":
				d.Object()
				for key, ok := d.Field(); ok; key, ok = d.Field() {
					if string(key) == "id" || string(key) == "name" {
						d.license(d.Text())
						continue
					}
					d.Skip()
				}
			default:
				d.Skip()
			}
		}
	}
}
