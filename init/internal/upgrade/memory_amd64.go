package upgrade

const sysMemfdCreate = 319
