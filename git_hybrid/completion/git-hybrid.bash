# bash completion of git hybrid, also as "git-hybrid". git's own completion calls _git_hybrid for "git hybrid".
# Use: put this file into ~/.local/share/bash-completion/completions/git-hybrid, or
#      eval "$(git hybrid completion bash)" after git's completion in ~/.bashrc.

__git_hybrid_reply ()
{
	local cur=${!#} kind value rest
	COMPREPLY=()
	while IFS=$'\t' read -r kind value rest; do
		case $kind in
		file|dir)
			compopt -o filenames +o nospace 2>/dev/null
			local flag=-f
			[[ $kind == dir ]] && flag=-d
			while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen "$flag" -- "${cur#--*=}")
			return
			;;
		*)
			COMPREPLY+=("$value ")
			;;
		esac
	done < <(command git-hybrid __complete "$@" 2>/dev/null)
}

_git_hybrid ()
{
	local at
	for ((at = 1; at < cword; at++)); do
		[[ ${words[at]} == hybrid ]] && break
	done
	__git_hybrid_reply "${__git_C_args[@]}" "${words[@]:at+1:cword-at-1}" "$cur"
}

__git_hybrid_main ()
{
	local cur words cword prev
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n =: cur words cword prev
	else
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
	fi
	# git-hybrid-sync is git hybrid sync.
	local named=${words[0]##*git-hybrid}
	__git_hybrid_reply ${named:+"${named#-}"} "${words[@]:1:cword-1}" "$cur"
}

complete -o bashdefault -o default -o nospace -F __git_hybrid_main git-hybrid git-hybrid-{sync,pin,resume}
