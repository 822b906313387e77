module skerry.test/controlplane/etcd

go 1.25.0
