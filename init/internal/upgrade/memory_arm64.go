package upgrade

const sysMemfdCreate = 279
