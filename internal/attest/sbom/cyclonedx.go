package sbom

// component reads one component of CycloneDX, and those within it.
func (d *decoder) component() {
	d.counted()
	mark := len(d.licenses)
	var c entry
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "type":
			c.kind = d.Text()
		case "name":
			c.name = d.Text()
		case "group":
			c.group = d.Text()
		case "version":
			c.version = d.Text()
		case "purl":
			c.purl = d.Text()
		case "licenses":
			d.licenseChoice()
		case "components":
			d.list(d.Scanner)
		default:
			d.Skip()
		}
	}
	if d.Err() == nil {
		c.licenses = d.licenses[mark:]
		c.nameless = string(c.kind) == "file" || string(c.kind) == "operating-system"
		d.add(c)
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

func (d *decoder) license(text []byte) {
	if len(text) > 0 {
		d.licenses = append(d.licenses, text)
	}
}
