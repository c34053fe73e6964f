package pages

// Connect is the page that says how to use the drive from other programs: the addresses, and the steps for each system.
type Connect struct {
	AccountFrame
	Secure   bool // the pages came over HTTPS, which Explorer insists on
	System   string
	WebDAV   string // the address to mount
	Gvfs     string // the same as GNOME spells it: dav or davs
	KDE      string // the same as KDE spells it: webdav or webdavs
	Remote   string // the same for clients of ownCloud
	Tus      string // the address for upload clients
	API      string // what the JSON API is described by
	Username string
	Made     *MadeAppPassword // that was just made; nil if none was
	Form     AppPasswordForm
}

// Systems on which the page opens its steps by itself.
const (
	SystemMac     = "mac"
	SystemWindows = "windows"
	SystemLinux   = "linux"
	SystemPhone   = "phone"
)

// Addresses are the addresses to copy.
func (c Connect) Addresses() []Copyable {
	return []Copyable{{"webdav", "connect.webdav", c.WebDAV}, {"tus", "connect.tus", c.Tus}, {"api", "connect.api", c.API}}
}

// On is the address as the steps of a system need it, to copy.
func (c Connect) On(system string) Copyable {
	address := c.WebDAV
	switch system {
	case "gnome":
		address = c.Gvfs
	case "kde":
		address = c.KDE
	}
	return Copyable{"address-" + system, "connect.address", address}
}

// WindowsSettings are the commands that lift the limits of Windows' WebDAV client: 50 MB a file, and a megabyte of names a folder
// (Microsoft, "Folder copy error message when downloading a file that is larger than 50000000 bytes from a Web folder").
func (c Connect) WindowsSettings() Copyable {
	const key = `reg add HKLM\SYSTEM\CurrentControlSet\Services\WebClient\Parameters /t REG_DWORD /f`
	return Copyable{"windows-settings", "connect.explorer.commands", key + " /v FileSizeLimitInBytes /d 0xffffffff\n" +
		key + " /v FileAttributesLimitInBytes /d 0x02000000\n" + "net stop WebClient & net start WebClient"}
}

// WindowsCommand mounts the drive at a prompt of Windows.
func (c Connect) WindowsCommand() Copyable {
	return Copyable{"windows-command", "connect.explorer.prompt", `net use * "` + c.WebDAV + `" /user:` + c.Username + ` *`}
}

// Rclone are the commands for rclone. It does not keep the password as it is given.
func (c Connect) Rclone() Copyable {
	password := "APP-PASSWORD"
	if c.Made != nil {
		password = c.Made.Password
	}
	return Copyable{"rclone-commands", "connect.rclone.commands", "rclone config create satchel webdav vendor=owncloud url=" + c.Remote + " user=" + c.Username + " pass=" + password + "\n" +
		"rclone mount satchel: ~/Satchel --vfs-cache-mode full"}
}

// Copyable is a text with a button that copies it.
type Copyable struct {
	ID    string // of its element on the page
	Key   string // of its name in the catalogues
	Value string
}

// Lines are the parts of an app password to copy.
func (m MadeAppPassword) Lines() []Copyable {
	return []Copyable{{"made-password", "app-password.made.password", m.Password}, {"made-username", "app-password.made.username", m.Username},
		{"made-address", "app-password.made.address", m.Address}}
}

// Connect renders the page that says how to use the drive from other programs.
func (e *Edition) Connect(v Connect) ([]byte, error) { return e.render("connect", v) }
